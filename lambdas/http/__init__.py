"""What handlers of the HTTP API share: requests, responses, problems, views."""
