"""Adapters to DynamoDB: the ledger, and the other items in its table and in the online table."""
