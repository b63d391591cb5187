"""The vendor's side of the demo: an SFTP server on loopback with encrypted, signed sample exports."""
