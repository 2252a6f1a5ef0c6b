"""From deliveries on an SFTP server to registered raw tables over the lake."""
