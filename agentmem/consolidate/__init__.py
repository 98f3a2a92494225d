"""What becomes of records when maintenance lets them go."""
