module github.com/postrider-mq/postrider

go 1.26
