"""What people are told by SMS and e-mail: an outbox, and the sender that empties it."""
