"""docs/awx-compatibility.md: endpoint by endpoint and method by method, beside AWX 24.6.1."""
