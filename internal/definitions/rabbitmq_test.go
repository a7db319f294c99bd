package definitions

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// rabbitmqctl runs the command that POSTRIDER_RABBITMQCTL names, for a RabbitMQ
// that runs, and returns what it says. Without it, the test is skipped.
func rabbitmqctl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	command := os.Getenv("POSTRIDER_RABBITMQCTL")
	if command == "" {
		t.Skip("POSTRIDER_RABBITMQCTL names no command")
	}
	cmd := exec.Command(command, append([]string{"-q"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rabbitmqctl %s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return string(out)
}

// RabbitMQ takes what we export, and says the same of it.
func TestRabbitMQTakesOurExport(t *testing.T) {
	rabbitmqctl(t, "", "list_vhosts")
	mark := "postrider-test-" + time.Now().UTC().Format("20060102150405.000") + "-"
	named := strings.NewReplacer(`"orders"`, `"`+mark+`orders"`, `"empty"`, `"`+mark+`empty"`, `"alice"`, `"`+mark+`alice"`, `"nopass"`, `"`+mark+`nopass"`)
	b := openBroker(t, nil)
	if _, err := b.Core.DeleteVHost(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	b.mustImport(t, named.Replace(fromRabbitMQ(t)), "")
	if _, err := b.Users.Delete(t.Context(), "guest"); err != nil {
		t.Fatal(err)
	}
	for _, vhost := range b.Core.VHosts() {
		t.Cleanup(func() { rabbitmqctl(t, "", "delete_vhost", vhost.Name) })
	}
	for _, user := range b.Users.List() {
		t.Cleanup(func() { rabbitmqctl(t, "", "delete_user", user.Name) })
	}
	rabbitmqctl(t, exported(t, b.Export()), "import_definitions")
	b.sameAs(t, only(t, rabbitmqctl(t, "", "export_definitions", "-"), mark))
}

// only is a file without what does not have mark in its name or its virtual host's.
func only(t *testing.T, text, mark string) string {
	t.Helper()
	var file map[string]any
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		items, _ := file[part.name].([]any)
		file[part.name] = slices.DeleteFunc(items, func(x any) bool {
			line, _ := json.Marshal(x)
			return !strings.Contains(string(line), mark)
		})
	}
	return exported(t, file)
}
