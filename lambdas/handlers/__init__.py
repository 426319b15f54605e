"""The functions of the deployment, one file each: parse, call, return."""
