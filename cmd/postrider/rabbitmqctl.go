package main

// rabbitmqctl is which verb does what a command of rabbitmqctl did, or a word of RabbitMQ stands for: for who types what he is used to.
var rabbitmqctl = map[string]string{
	"add_user": "user add", "delete_user": "user delete", "list_users": "user list",
	"change_password": "user passwd", "set_user_tags": "user tags",

	"add_vhost": "vhost add", "delete_vhost": "vhost delete", "list_vhosts": "vhost list",

	"set_permissions": "permission set", "clear_permissions": "permission clear", "list_permissions": "permission list", "list_user_permissions": "permission list",
	"set_topic_permissions": "permission topic-set", "clear_topic_permissions": "permission topic-clear", "list_topic_permissions": "permission topic-list",

	"set_policy": "policy set", "clear_policy": "policy clear", "list_policies": "policy list",
	"set_operator_policy": "policy set --operator", "clear_operator_policy": "policy clear --operator", "list_operator_policies": "policy list --operator",

	"list_queues": "queue list", "purge_queue": "queue purge", "delete_queue": "queue delete", "list_consumers": "queue consumers", "consumer": "queue consumers",

	"list_exchanges": "exchange list", "list_bindings": "exchange bindings", "binding": "exchange bindings",

	"list_connections": "connection list", "close_connection": "connection close", "close_all_connections": "connection close --user",

	"export_definitions": "definitions export", "import_definitions": "definitions import",

	"shovel": "mailbox move", "status": "top --once", "list_alarms": "health --alarms", "check_running": "health", "node_health_check": "health",
}
