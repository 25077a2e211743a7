package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// cliManager is the field manager of what the commands write.
const cliManager = "fixpoint-cli"

// waitFlags say how long a command waits for what it has asked for.
type waitFlags struct {
	timeout time.Duration
	noWait  bool
}

func (f *waitFlags) bind(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Minute, "how long to wait for the outcome")
	cmd.Flags().BoolVar(&f.noWait, "no-wait", false, "ask for it and return at once")
}

func (f waitFlags) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, f.timeout, errTimeout)
}

var errTimeout = errors.New("timed out")

// teller shows what becomes of what was asked for.
type teller struct {
	waitFlags
	out, err io.Writer
	// takeBack says how to take back what was asked for and has not begun, end how to
	// end what has; "" where nothing can.
	takeBack, end string
	last          string
}

func newTeller(cmd *cobra.Command, flags waitFlags) *teller {
	return &teller{waitFlags: flags, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
}

// waiter asks a cluster for work and shows what becomes of it.
type waiter struct {
	*cluster
	*teller
}

func newWaiter(cmd *cobra.Command, c *cluster, flags waitFlags) *waiter {
	return &waiter{c, newTeller(cmd, flags)}
}

// progress prints a line if it is another than the last one.
func (t *teller) progress(app item, text string) {
	if text = brief(text, 160); text != "" && text != t.last {
		t.last = text
		printf(t.err, "%s: %s\n", app.title(), text)
	}
}

func (w *waiter) patch(ctx context.Context, app item, body map[string]any) (item, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return item{}, err
	}
	out, err := w.objects(app).Patch(ctx, app.GetName(), types.MergePatchType, data, metav1.PatchOptions{FieldManager: cliManager})
	if err != nil {
		return item{}, w.explain("asking "+app.title(), err)
	}
	return item{app.kind, out}, nil
}

// again reads an object that has changed meanwhile.
func (w *waiter) again(ctx context.Context, app item) (item, error) {
	fresh, err := w.objects(app).Get(ctx, app.GetName(), metav1.GetOptions{})
	if err != nil {
		return item{}, w.explain("reading "+app.title(), err)
	}
	return item{app.kind, fresh}, nil
}

// await follows an object until look is done. At a timeout it says whether
// anybody took the request up, and what becomes of it.
func (w *waiter) await(ctx context.Context, app item, look func(item) (bool, error)) error {
	taken := false
	err := w.follow(ctx, w.objects(app), app.GetName(), func(u *unstructured.Unstructured) (bool, error) {
		done, err := look(item{app.kind, u})
		taken = taken || w.last != ""
		return done, err
	})
	return w.waited(app, taken, err)
}

// waited is the error of a wait that ended with err; taken says that somebody had taken
// the request up.
func (t *teller) waited(app item, taken bool, err error) error {
	switch {
	case errors.Is(err, errTimeout) && !taken:
		return fmt.Errorf("no controller took the request for %s up within %s: is 'fixpoint controller' running, and does it watch namespace %q? The request stands until one does%s",
			app.title(), t.timeout, app.GetNamespace(), after("; ", t.takeBack))
	case errors.Is(err, errTimeout):
		return fmt.Errorf("%s is not done after %s (%s): it goes on; wait longer with --timeout, or look at it with 'fixpoint get %s'%s",
			app.title(), t.timeout, t.last, app.path(), after("; ", t.end))
	case errors.Is(err, errGone):
		return fmt.Errorf("%s: %w", app.title(), err)
	}
	return err
}

// after is a text with something before it; "" stays "".
func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

// stamp tells requests apart.
func stamp() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// failure is the end of a command whose sync failed.
func failure(app item, what, message, hint string) error {
	return fmt.Errorf("%s: %s: %s; %s", app.title(), what, cmp.Or(strings.TrimSpace(message), "no reason was given"), hint)
}

// agreed asks a question on the terminal; anything but y or yes is no.
func agreed(cmd *cobra.Command, question string) bool {
	printf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	var answer strings.Builder
	one := make([]byte, 1)
	for answer.Len() < 100 {
		n, err := cmd.InOrStdin().Read(one)
		answer.Write(one[:n])
		if err != nil || n == 1 && one[0] == '\n' {
			break
		}
	}
	if !strings.HasSuffix(answer.String(), "\n") {
		printf(cmd.ErrOrStderr(), "\n") // nobody pressed Enter
	}
	said := strings.ToLower(strings.TrimSpace(answer.String()))
	return said == "y" || said == "yes"
}
