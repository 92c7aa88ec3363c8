"""Students: small networks that learn one translation from a generator's outputs and from known truth."""
