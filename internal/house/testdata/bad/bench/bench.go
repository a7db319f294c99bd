package bench

import _ "example.test/house/internal/gone"
