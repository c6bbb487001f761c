"""The broker's folder: its certificates, who may come in and what they may do, as files.

Nothing here talks to the broker; NATS (`nats-server`) reads what is written here.
"""
