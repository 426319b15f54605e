"""What is known of data: profiles, drift, checks and snapshots; and of artifacts, by their contents."""
