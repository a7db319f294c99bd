package main

import _ "example.test/house"

func main() {}
