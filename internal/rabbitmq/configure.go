package rabbitmq

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
)

// configure writes what the node reads when it starts.
func (n *Node) configure() error {
	lines := []string{
		"listeners.tcp.1 = " + n.Addr,
		"log.console.level = info",
		"log.connection.level = critical", "log.channel.level = critical", "log.queue.level = critical",
		"disk_free_limit.absolute = 50MB",
	}
	if slices.Contains(n.config.Plugins, "rabbitmq_management") {
		host, port, _ := strings.Cut(n.Management, ":")
		lines = append(lines, "management.tcp.ip = "+host, "management.tcp.port = "+port, "management_agent.disable_metrics_collector = true")
	}
	files := map[string]string{"enabled_plugins": "[" + strings.Join(n.config.Plugins, ",") + "].\n"}
	if len(n.config.VHosts) > 0 {
		text, err := definitions(n.config.VHosts)
		if err != nil {
			return err
		}
		files["definitions.json"] = text
		lines = append(lines, "load_definitions = "+n.path("definitions.json"))
	}
	files["rabbitmq.conf"] = strings.Join(append(lines, n.config.Settings...), "\n") + "\n"
	for name, text := range files {
		if err := os.WriteFile(n.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// definitions are for a node that has virtual hosts beside "/": with them it makes neither "/" nor guest by itself.
func definitions(vhosts []string) (string, error) {
	type object map[string]any
	names, permissions := []object{}, []object{}
	for _, name := range append([]string{"/"}, vhosts...) {
		names = append(names, object{"name": name})
		permissions = append(permissions, object{"user": "guest", "vhost": name, "configure": ".*", "write": ".*", "read": ".*"})
	}
	text, err := json.Marshal(object{
		"users":  []object{{"name": "guest", "password": "guest", "tags": "administrator"}},
		"vhosts": names, "permissions": permissions,
	})
	return string(text), err
}
