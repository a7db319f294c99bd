package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func newHealth() *cobra.Command {
	var o owner
	var alarms bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running broker of this machine whether it is well; for health checks",
		Long: text(`
			Ask the broker in --dir, over its local socket and without a password, whether it serves clients. The exit code is 0
			when it does, and 1 when it does not, is still starting, or does not answer within --timeout.

			Alarms, which keep publishers waiting while memory, disk or files that may be opened are low, are told. They are no failure unless --alarms says
			so: consumers have to come in while an alarm lasts, for it is they who end it, and to start the broker
			anew would not.

			Over HTTP, serve --metrics answers the same: /readyz, and with alarms /healthz.`),
		Example: examples(`
			postrider health
			postrider health --dir /var/lib/postrider --alarms`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			h, err := o.health(ctx)
			switch {
			case cmd.Context().Err() != nil:
				return errInterrupted
			case errors.Is(err, context.DeadlineExceeded):
				return fmt.Errorf("the broker on %s does not answer within %s", o.dir, timeout)
			case err != nil:
				return err
			}
			if err := h.tell(cmd.OutOrStdout(), o.json); err != nil {
				return fmt.Errorf("stdout: %w", err)
			}
			if !h.Serving || alarms && h.lasting != (lasting{}) {
				return errSilent
			}
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&alarms, "alarms", false, "an alarm is a failure, too")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "`duration` to wait for an answer, as in 1.5s")
	return cmd
}

// health is what --json prints.
type health struct {
	Serving bool   `json:"serving"`
	Reason  string `json:"reason,omitempty"` // why not
	lasting
}

// lasting are alarms in the words of this program.
type lasting struct {
	LowOnMemory bool `json:"lowOnMemory"`
	LowOnDisk   bool `json:"lowOnDisk"`
	LowOnFiles  bool `json:"lowOnFiles"`
}

// alarms are those that last, as the management interface tells of them.
type alarms struct {
	LowOnMemory bool `json:"mem_alarm"`
	LowOnDisk   bool `json:"disk_free_alarm"`
	LowOnFiles  bool `json:"fd_alarm"`
}

func (o *owner) health(ctx context.Context) (h health, err error) {
	var nodes []alarms
	if _, err := o.ask(ctx, http.MethodGet, resource("nodes"), nil, &nodes); err != nil {
		return h, err
	}
	for _, n := range nodes {
		h.lasting = lasting(n)
	}
	_, err = o.ask(ctx, http.MethodGet, resource("health", "checks", "ready-to-serve-clients"), nil, nil)
	var refused answered
	if errors.As(err, &refused) && refused.status == http.StatusServiceUnavailable {
		h.Reason = refused.reason
		return h, nil
	}
	h.Serving = err == nil
	return h, err
}

func (h *health) tell(w io.Writer, asJSON bool) (err error) {
	if asJSON {
		return json.NewEncoder(w).Encode(h)
	}
	if !h.Serving {
		_, err = fmt.Fprintf(w, "no clients are served: %s\n", h.Reason)
	} else {
		_, err = fmt.Fprintln(w, "clients are served")
	}
	if err == nil && h.LowOnMemory {
		_, err = fmt.Fprintln(w, "publishers wait: memory is low")
	}
	if err == nil && h.LowOnDisk {
		_, err = fmt.Fprintln(w, "publishers wait: the disk is low")
	}
	if err == nil && h.LowOnFiles {
		_, err = fmt.Fprintln(w, "publishers wait: few files may still be opened")
	}
	return err
}
