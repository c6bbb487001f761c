"""Many machines in virtual time: nobgd's own code, an invented network and broker."""
