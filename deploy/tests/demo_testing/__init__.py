"""What the tests of the whole product are made of."""
