module example.test/house
