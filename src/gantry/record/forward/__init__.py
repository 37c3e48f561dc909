"""Tells a log server what happens: AWX's external logging, behind the record and apart from it.

Nothing here is in a job's way: what is committed is read again, by a process of its own
(process.py), from where it stands (streams.py), in AWX's words (messages.py), and sent
(senders.py). A server that is slow or away only makes it stand further back.
"""
