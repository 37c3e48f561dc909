"""What is told to somebody outside: written down first, sent after, tried again.

control/outbox.py does it.
"""

from __future__ import annotations

from django.db import models

STATUSES = [("pending", "Pending"), ("successful", "Successful"), ("failed", "Failed")]


class Outgoing(models.Model):
    """`next_try` null: as soon as may be."""

    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    status = models.CharField(max_length=20, choices=STATUSES, default="pending", editable=False)
    error = models.TextField(blank=True, default="", editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_try = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True
