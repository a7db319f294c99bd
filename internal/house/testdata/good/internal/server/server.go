package server

import _ "example.test/house/internal/core"
