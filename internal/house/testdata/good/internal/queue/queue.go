package queue

import (
	"fmt"
	"time"

	"example.test/house/amqp"
)

const patience = 3 * time.Second

func describe(t time.Time) string { return fmt.Sprint(amqp.Name, t.Add(patience)) }
