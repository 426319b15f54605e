"""Conversion between the ledger's records and DynamoDB items."""
