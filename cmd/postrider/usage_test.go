package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestACommandLineThatMakesNoSenseExitsWith2AndSaysWhy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args string
		says string
	}{
		{"frobnicate", `unknown command "frobnicate"`},
		{"serv", " or serve"},
		{"queue lst", "did you mean list?"},
		{"mailbox frobnicate", `unknown command "frobnicate"`},
		{"send", "want postrider send TARGET [MESSAGE]"},
		{"send jobs hello", "want peer:NAME, mailbox:NAME, topic:NAME or amqp://HOST:PORT/NAME: did you mean mailbox:jobs?"},
		{"send queue:jobs hello", "did you mean mailbox:jobs?"},
		{"send exchange:prices hello", "did you mean topic:prices?"},
		{"send mailbox: hello", "want peer:NAME"},
		{"list_queues", "did you mean queue list?"},
		{"list_bindings", "did you mean exchange bindings?"},
		{"list_bindings -p shop source_name", "did you mean exchange bindings?"},
		{"queue list -p shop", "did you mean --vhost?"},
		{"policy set x .* {} --priority high", `invalid argument "high" for "--priority": want a whole number`},
		{"exchange bindings prices --all", "name an exchange, or --all"},
		{"queue list --vhost=", "--vhost is empty"},
		{"set_operator_policy cap .* {}", "did you mean policy set --operator?"},
		{"send mailbox:jobs x --header lang", "want NAME=VALUE, as in lang=de"},
		{"send mailbox:jobs x --header =de", "want NAME=VALUE"},
		{"send mailbox:jobs x --header x-postrider-key=1", "reserved"},
		{"send mailbox:jobs x --until seen", "want stored, received or handled"},
		{"send mailbox:jobs x --until received", "want stored or handled"},
		{"post amqp://127.0.0.1/bob x --until stored", "want received or handled"},
		{"send mailbox:jobs x --expires -1s", "want 1ms or more"},
		{"send mailbox:jobs x --expires 30", "want a duration"},
		{"post mailbox:jobs x --partitions 257", "want 1 to 256"},
		{"send topic:prices x --partitions 8", "only a mailbox has them"},
		{"receive mailbox:jobs --subscription archive", "go with a topic"},
		{"receive mailbox:jobs --match eu.*", "go with a topic"},
		{"call mailbox:jobs x --until handled", "unknown flag: --until"},
		{"ping topic:prices", "want peer:NAME, mailbox:NAME"},
		{"doctor --tls-cert x", "go together"},
		{"doctor --broker mq:5672", "want it as amqp://mq:5672"},
		{"doctor now", `unexpected argument "now"`},
		{"send mailbox:jobs x --keyy 1", "did you mean --key or --keys?"},
		{"receive mailbox:jobs --cuont 1", "did you mean --count?"},
		{"mailbox ls --broker amqp://127.0.0.1", "the broker of --dir is asked"},
		{"send mailbox:jobs x --file y", "exclude each other"},
		{"keys new ca", "is not ca"},
		{"keys new ../bob", "that can be a file's"},
		{"keys new bob --days 0", "want 1 to 3650"},
		{"keys new zoë", "of ASCII"},
		{"keys new bob --dir=", "--dir is empty"},
		{"send mailbox:jobs x --keys k", "--keys needs --name"},
		{"send peer:bob x --keys k", "postrider: --keys needs --name"},
		{"send mailbox:jobs x --tls-cert x", "go together"},
		{"receive inbox --listen 127.0.0.1:0 --tls-ca x", "give it --tls-cert and --tls-key"},
		{"top --sort size", "want ready, unacked"},
		{"top --interval 0", "want 10ms or more"},
		{"top --limit -1", "--limit -1"},
		{"peers now", `unexpected argument "now"`},
		{"peers --wait 0", "want more than 0"},
		{"peers --count -1", "--count -1"},
		{"send peer:bob hello --peer bob", "want NAME=HOST:PORT"},
		{"send inbox hello", "name the node to send to"},
		{"send http://127.0.0.1 hello", "want an amqp:// or amqps:// URL"},
		{"send mailbox:jobs x --broker http://mq", "want amqp or amqps"},
		{"send mailbox:jobs x --broker ://", "not an AMQP URL"},
		{"send mailbox:jobs x --broker 127.0.0.1:5672", "want it as amqp://127.0.0.1:5672"},
		{"send mailbox:jobs x --broker localhost:5672", "want it as amqp://localhost:5672"},
		{"send mailbox:jobs x --timeout 3", "want a duration, as in 300ms"},
		{"send mailbox:jobs x --timeout -3s", "--timeout -3s: a duration is not negative"},
		{"send peer:bob x --peer bob=127.0.0.1", "want NAME=HOST:PORT, as in bob=127.0.0.1:5681"},
		{"mailbox peek jobs --limit -1", "want 0, which is no limit, or more"},
		{"mailbox move jobs", "--to is missing"},
		{"keys new bob --host amqp://bob.example.com", "want a host's name or an address"},
		{"send mailbox:jobs x --broker amqp://", "names no host"},
		{"send mailbox:jobs x --timeout soon", "invalid argument"},
		{"post mailbox:jobs x y", `unexpected argument "y"`},
		{"receive", "or name a mailbox, as in mailbox:jobs"},
		{"receive mailbox:a mailbox:b", `unexpected argument "mailbox:b"`},
		{"mailbox create mailbox:jobs", "without mailbox: before it, as jobs"},
		{"receive peer:bob", "received in its own process"},
		{"receive inbox", "--listen HOST:PORT"},
		{"receive mailbox:jobs --count -1", "--count -1"},
		{"reply mailbox:jobs", "want a target, -- and a command"},
		{"reply mailbox:jobs tr a b", "want a target, -- and a command"},
		{"reply mailbox:jobs -- no-such-command-anywhere", "no-such-command-anywhere"},
		{"reply mailbox:jobs --workers 0 -- cat", "--workers 0"},
		{"ping nobody", "want peer:NAME"},
		{"ping mailbox:jobs --count 0", "--count 0"},
		{"ping peer:bob --peer bob=here", "want NAME=HOST:PORT"},
		{"serve --bogus", "unknown flag: --bogus"},
		{"serve --memory --listen here", "want HOST:PORT"},
		{"serve --memory --listen 127.0.0.1:99999", "invalid port"},
		{"serve --memory --listen 127.0.0.1:80x", "invalid port"},
		{"serve --memory --metrics here", "--metrics \"here\": want HOST:PORT, as in 127.0.0.1:15692"},
		{"serve --memory --listen 127.0.0.1:5679 --metrics 127.0.0.1:5679", "--listen and --metrics want the same address, 127.0.0.1:5679"},
		{"serve --memory --management 127.0.0.1:5679 --metrics :5679", "--management and --metrics want the same address"},
		{"receive inbox --listen here", "want HOST:PORT"},
		{"serve --segment-size 1", "want 64KiB to 1GiB"},
		{"serve --memory-mark 1g", "want 64KiB to 1TiB"},
		{"serve --max-message 129MiB", "want 1KiB to 128MiB"},
		{"serve --memory --tls-listen 127.0.0.1:0", "needs --tls-cert"},
		{"serve --memory --dir x", "exclude each other"},
		{"serve --memory --log-level loud", "want debug, info, warn or error"},
		{"serve --memory --log-format xml", "want text or json"},
		{"serve --memory --tls-cert x", "go together"},
		{"serve --memory --consumer-timeout 0", "want 1s or more, or none"},
		{"serve --memory --consumer-timeout -1s", "want 1s or more, or none"},
		{"serve --dir= --listen 127.0.0.1:0", "--dir is empty"},
		{"serve --memory --tls-cert= --tls-key= --listen 127.0.0.1:0", "--tls-key is empty"},
		{"send mailbox:jobs x --keys=", "--keys is empty"},
		{"serve --memory --user ops", "POSTRIDER_PASSWORD"},
		{"serve --memory --password-file x", "--user is not"},
		{"serve --memory --listen 0.0.0.0:0", "name a --user"},
		{"journal mend x", "unknown command"},
		{"journal inspect", "want postrider journal inspect DIR"},
		{"journal inspect x --kind Enqueued", "give --records"},
		{"journal inspect x --records --kind Enqeued", "no such kind"},
		{"user add", "want postrider user add NAME"},
		{"permission set alice x", "want postrider permission set"},
		{"connection close", "name a connection, or a --user"},
		{"connection close x --user y", "name a connection, or a --user"},
		{"version now", `unexpected argument "now"`},
		{"bench jobs", "did you mean mailbox:jobs?"},
		{"bench inbox", "want mailbox:NAME, peer, or peer:NAME"},
		{"bench --verb call", "want post or send"},
		{"bench --until stored", "want handled, or leave it out"},
		{"bench --until handled --receivers 0", "waits for handlers"},
		{"bench --senders 0", "want 1 to 500"},
		{"bench --body 39", "want 40 to 16MiB"},
		{"bench --rate -1", "want a number of messages"},
		{"bench --rate NaN", "want a number of messages"},
		{"bench --rate Inf", "want a number of messages"},
		{"bench --broker nonsense", "--broker: "},
		{"evaluate --need speed", "want one of lose-nothing, "},
		{"evaluate --faults receiver,broker --need no-broker,survive-disconnect", "--faults has to name connection"},
		{"evaluate --faults none --need survive-broker-down", "--faults has to name broker"},
		{"evaluate --faults fire", "want receiver, broker, connection or none"},
		{"evaluate --rate 0", "want 1 to 20000"},
		{"evaluate --rate NaN", "want 1 to 20000"},
		{"evaluate --senders 0", "want 1 to 50"},
		{"evaluate --each 1s", "want twice --down at least, which is 1.6s"},
		{"evaluate --handling 10ms", "cannot keep up: give it 8, or less to do"},
		{"evaluate now", `unexpected argument "now"`},
		{"tour now", `unexpected argument "now"`},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			o := runs(t, strings.Fields(test.args)...)
			o.wants(t, exitUsage, "", "postrider: ", test.says, "--help")
		})
	}
}

// An empty name is a variable that is not set, and no wish for all, for none, or for what the broker makes up.
func TestAnEmptyNameIsRefused(t *testing.T) {
	t.Parallel()
	for command, what := range map[string]string{
		"vhost add": "NAME", "user add": "NAME", "user tags alice": "TAG", "permission set": "USER", "permission topic-clear alice": "EXCHANGE",
		"policy clear": "NAME", "queue delete": "QUEUE", "queue consumers": "QUEUE", "exchange bindings": "EXCHANGE", "connection close": "NAME",
		"mailbox create one": "NAME", "dead show jobs": "ID", "journal verify": "DIR",
	} {
		more := []string{""}
		if command == "permission set" {
			more = []string{"", ".*", "", ""}
		}
		runs(t, append(strings.Fields(command), more...)...).wants(t, exitUsage, "", what+" is empty: want postrider "+strings.Fields(command)[0], "is a variable not set?")
	}
}

func TestHelpHasExamplesEverywhere(t *testing.T) {
	t.Parallel()
	for _, verb := range verbsBelow(newRoot()) {
		args := append(strings.Fields(verb)[1:], "--help")
		var out, trouble strings.Builder
		root := newRoot(args...)
		root.SetArgs(args)
		root.SetOut(&out)
		root.SetErr(&trouble)
		if err := root.Execute(); err != nil || !strings.Contains(out.String(), "Examples:\n  ") || trouble.Len() > 0 {
			t.Errorf("%s: %v, stderr %q, help:\n%s", verb, err, &trouble, &out)
		}
	}
	if o := runs(t, "--help"); strings.Contains(o.stdout, "tour-node") || strings.Contains(o.stdout, "load-node") {
		t.Error("the help shows a hidden verb")
	}
}

// A verb that is named is made alone, so its name has to be the one that it is made for.
// Who types a command of rabbitmqctl is told a verb, and flags, that there are.
func TestTheVerbsForRabbitmqctlsCommandsAreThere(t *testing.T) {
	t.Parallel()
	root := newRoot()
	for theirs, ours := range rabbitmqctl {
		cmd, rest, err := root.Find(strings.Fields(ours))
		if err != nil || cmd.HasSubCommands() {
			t.Errorf("%s: %q is no verb: %v", theirs, ours, err)
			continue
		}
		for _, flag := range rest {
			if cmd.Flag(strings.TrimPrefix(flag, "--")) == nil {
				t.Errorf("%s: %q: there is no %s", theirs, ours, flag)
			}
		}
		if cmd, _, err := root.Find([]string{theirs}); err == nil && cmd != root {
			t.Errorf("%s is a verb itself", theirs)
		}
	}
}

func TestAVerbIsMadeAlone(t *testing.T) {
	t.Parallel()
	for _, verb := range verbs {
		all := newRoot(verb.name, "--help").Commands()
		if len(all) != 1 || all[0].Name() != verb.name {
			t.Errorf("%s is made as %v", verb.name, all)
		}
	}
	for _, args := range [][]string{nil, {"sevre"}, {"help", "serve"}, {"--version"}, {"__complete", "se"}} {
		if all := newRoot(args...).Commands(); len(all) != len(verbs) {
			t.Errorf("%d commands are made for %q", len(all), args)
		}
	}
}

// verbsBelow are the paths of a command and of those below it that are not hidden.
func verbsBelow(cmd *cobra.Command) (all []string) {
	if cmd.Hidden {
		return nil
	}
	all = append(all, cmd.CommandPath())
	for _, verb := range cmd.Commands() {
		all = append(all, verbsBelow(verb)...)
	}
	return all
}

func TestCompletionKnowsTheVerbs(t *testing.T) {
	t.Parallel()
	o := runs(t, "__complete", "rec")
	if !strings.HasPrefix(o.stdout, "receive\t") {
		t.Errorf("completing rec gives %q", o.stdout)
	}
	for args, part := range map[string]string{"send mail": "mailbox:\n", "receive ": "topic:\n", "send mailbox:jobs x --until ": "handled\n", "top --sort ": "unacked\n"} {
		fields := append([]string{"__complete"}, strings.Split(args, " ")...)
		if o := runs(t, fields...); !strings.Contains(o.stdout, part) {
			t.Errorf("completing %q gives %q", args, o.stdout)
		}
	}
	if o := runs(t, "completion", "bash"); o.code != exitOK || !strings.Contains(o.stdout, "complete") {
		t.Errorf("exit code %d", o.code)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if o := runs(t, "version"); o.code != exitOK || !strings.HasPrefix(o.stdout, "postrider 0.") {
		t.Errorf("%+v", o)
	}
	if o := runs(t, "--version"); o.stdout != runs(t, "version").stdout {
		t.Errorf("--version says %q", o.stdout)
	}
	var v versionInfo
	if err := json.Unmarshal([]byte(runs(t, "version", "--json").stdout), &v); err != nil {
		t.Fatal(err)
	}
	if v.Version == "" || v.Go == "" || v.OS == "" || v.Arch == "" {
		t.Errorf("%+v", v)
	}
}
