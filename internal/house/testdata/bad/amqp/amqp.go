package amqp

import _ "example.test/house/internal/disk" // want: sideways: amqp imports internal/disk on floor 0
