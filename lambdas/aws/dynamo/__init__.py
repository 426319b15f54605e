"""The ledger and the other items in DynamoDB."""
