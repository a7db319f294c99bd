package client

import _ "example.test/house/broker" // want: sideways: internal/client imports broker on floor 4
