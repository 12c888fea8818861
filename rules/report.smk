"""What a person looks at first."""
