"""The processes that talk to the broker: home's link, and the worker on another machine."""
