"""What a playbook needs against what an execution environment has."""
