module example.test/house/bench
