"""What tests stand on: fakes with a contract, real servers, manual clocks."""
