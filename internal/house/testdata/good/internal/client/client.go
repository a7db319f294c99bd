package client

import _ "net"
