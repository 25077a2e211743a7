package apply

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

func ref(name string) model.ObjectRef {
	return model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Namespace: "web", Name: name}, Version: "v1"}
}

// script is a target that notes what it is asked to do, and answers as a file says.
type script struct {
	mu      sync.Mutex
	did     []string
	answers map[string][]string // by what is asked: the next answers
}

func (s *script) answer(what, uid string) (model.Live, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did = append(s.did, what)
	live := model.Live{UID: uid}
	next := s.answers[what]
	if len(next) == 0 {
		return live, nil
	}
	s.answers[what] = next[1:]
	switch word, rest, _ := strings.Cut(next[0], " "); word {
	case "immutable":
		return model.Live{UID: rest}, model.As(model.ErrImmutable, model.As(model.ErrInvalid, errors.New("a field is immutable")))
	case "unknown":
		return model.Live{}, model.As(model.ErrNotFound, errors.New("no such kind or namespace"))
	case "panic":
		panic(rest)
	case "uid":
		live.UID = rest
	case "warn":
		live.Warning = rest
	default:
		return model.Live{}, model.As(model.ErrInvalid, errors.New(next[0]))
	}
	return live, nil
}

func (s *script) Apply(_ context.Context, o model.Object, _ string, how model.Write) (model.Live, error) {
	what := "apply " + o.Name
	if how.DryRun {
		what = "dry-run " + o.Name
	}
	for _, w := range []struct {
		is   bool
		name string
	}{
		{how.Replace, "replace"}, {how.NoValidate, "unvalidated"}, {how.Strict, "strict"}, {how.CreateOnly, "create-only"},
		{how.Shared, "shared"}, {len(how.Migrate) > 0, "migrate=" + strings.Join(how.Migrate, ",")},
		{o.Annotations[model.AnnotationOperation] != "", "mark=" + o.Annotations[model.AnnotationOperation]},
	} {
		if w.is {
			what += " " + w.name
		}
	}
	return s.answer(what, "new-"+o.Name)
}

func (s *script) Delete(_ context.Context, ref model.ObjectRef, uid, policy string) error {
	_, err := s.answer("delete "+ref.Name+" "+uid+" "+policy, "")
	return err
}

// Parallel keeps what is asked in one order.
func (*script) Parallel() int { return 1 }

// TestDo does the tasks of each file of testdata and compares what was asked of the
// target, and what came of it. A task is a line: an action, kind/name, a stage, and
// what the object asks for.
func TestDo(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]*txtar.File{}
			for i := range archive.Files {
				parts[archive.Files[i].Name] = &archive.Files[i]
			}
			w := &script{answers: map[string][]string{}}
			opt := optionsOf(t, parts["options"])
			tasks := tasksOf(t, lines(parts["tasks"]), &opt)
			for _, l := range lines(parts["answers"]) {
				what, answer, _ := strings.Cut(l, ": ")
				w.answers[what] = append(w.answers[what], answer)
			}
			got := resultsText(Do(t.Context(), w, tasks, opt))
			for name, text := range map[string]string{"asked": strings.Join(append(w.did, ""), "\n"), "results": got} {
				part := parts[name]
				if *update {
					part.Data = []byte(text)
				} else if diff := cmp.Diff(string(part.Data), text); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func lines(f *txtar.File) []string {
	if f == nil {
		return nil
	}
	var out []string
	for l := range strings.Lines(string(f.Data)) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func optionsOf(t *testing.T, f *txtar.File) Options {
	t.Helper()
	opt := Options{Objects: map[model.ObjectKey]model.Object{}, UIDs: map[model.ObjectKey]string{}, Manager: "us"}
	for _, l := range lines(f) {
		name, value, _ := strings.Cut(l, " ")
		switch name {
		case "prune":
			opt.Prune = true
		case "dry-run":
			opt.DryRun = true
		case "recreate":
			opt.Recreate = true
		case "deletion":
			opt.Deletion = value
		case "migrate":
			opt.Migrate = strings.Fields(value)
		default:
			t.Fatalf("option %q", l)
		}
	}
	return opt
}

// tasksOf reads tasks and, into opt, their objects and the UIDs of what exists.
func tasksOf(t *testing.T, lines []string, opt *Options) []Task {
	t.Helper()
	var out []Task
	for _, l := range lines {
		f := strings.Fields(l)
		kind, name, _ := strings.Cut(f[1], "/")
		stage, err := strconv.Atoi(f[2])
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		task := Task{Step: model.Step{Action: model.Action(f[0]), Object: ref(name), Stage: stage}, Phase: model.PhaseSync}
		task.Object.Kind = kind
		if kind == "CustomResourceDefinition" {
			task.Object.Group = "apiextensions.k8s.io"
		}
		for _, word := range f[3:] {
			if ask(&task, word) {
				continue
			}
			t.Fatalf("%s: what is %q?", l, word)
		}
		key := task.Object.ObjectKey
		if task.Action != model.ActionCreate {
			opt.UIDs[key] = "uid-" + name
		}
		if task.Action != model.ActionDelete {
			text := fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"group":"example.com","names":{"kind":"Widget"}}}`, name)
			opt.Objects[key] = model.Object{ObjectRef: task.Object, JSON: []byte(text)}
		}
		out = append(out, task)
	}
	return out
}

// ask makes a task what a word of its line says.
func ask(task *Task, word string) bool {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "replace":
		task.Traits.Replace = model.Yes
	case "force":
		task.Traits.Force = model.Yes
	case "unvalidated":
		task.Traits.Validate = model.No
	case "strict":
		task.Traits.Validate = model.Yes
	case "create-only":
		task.Traits.CreateOnly = true
	case "skip-dry-run":
		task.Traits.SkipDryRun = model.Yes
	case "shared":
		task.Shared = true
	case "recreate":
		task.Recreate, task.UID, task.Hook = true, value, true
	case "hook":
		task.Hook, task.Phase, task.Mark = true, model.SyncPhase(value), "1.0/"+value
	case "group":
		task.Object.Group = value
	case "why":
		task.Reason = value
	default:
		return false
	}
	return true
}

func resultsText(results []model.Result) string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%s %s %s", r.Phase, r.Action, r.Object.Name)
		if r.Hook {
			b.WriteString(" (hook)")
		}
		if r.State != "" {
			b.WriteString(" " + string(r.State))
		}
		if r.Live.UID != "" {
			b.WriteString(" " + r.Live.UID)
		}
		if r.Message != "" {
			b.WriteString(": " + r.Message)
		}
		if r.Err != nil {
			b.WriteString(": error: " + r.Err.Error())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestDoInParallel: what is of one stage is under way at the same time, and what is
// of the next begins when all of that is done.
func TestDoInParallel(t *testing.T) {
	opt := Options{Objects: map[model.ObjectKey]model.Object{}}
	w := &meeting{all: make(chan struct{}), expected: 3}
	var told []string
	opt.Wrote = func(r model.Result) {
		w.mu.Lock()
		defer w.mu.Unlock()
		told = append(told, r.Object.Name)
	}
	tasks := tasksOf(t, []string{"create ConfigMap/z 1", "create ConfigMap/a 0", "create ConfigMap/b 0", "create ConfigMap/c 0"}, &Options{
		Objects: opt.Objects, UIDs: map[model.ObjectKey]string{},
	})
	for _, r := range Do(t.Context(), w, tasks, opt) {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Object.Name, r.Err)
		}
	}
	if w.early || len(told) != 4 || told[3] != "z" {
		t.Errorf("the second stage began early: %v; told: %q", w.early, told)
	}
}

// meeting is a target that answers no write before all that are expected are there.
type meeting struct {
	mu       sync.Mutex
	expected int
	all      chan struct{}
	early    bool
}

func (m *meeting) Apply(ctx context.Context, o model.Object, _ string, _ model.Write) (model.Live, error) {
	m.mu.Lock()
	if o.Name == "z" {
		m.early = m.expected > 0
		m.mu.Unlock()
		return model.Live{}, nil
	}
	if m.expected--; m.expected == 0 {
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
		return model.Live{}, nil
	case <-ctx.Done():
		return model.Live{}, ctx.Err()
	}
}

func (*meeting) Delete(context.Context, model.ObjectRef, string, string) error { return nil }
func (*meeting) Parallel() int                                                 { return 8 }

// TestDoCutOff: what has not begun when it is cut off is not done, and says why.
func TestDoCutOff(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	newer := errors.New("superseded")
	opt := Options{Objects: map[model.ObjectKey]model.Object{}, UIDs: map[model.ObjectKey]string{}, Prune: true}
	tasks := tasksOf(t, []string{"create ConfigMap/a 0", "create ConfigMap/b 1", "delete ConfigMap/x 0"}, &opt)
	w := &script{}
	opt.Wrote = func(model.Result) { cancel(newer) }
	got := Do(ctx, w, tasks, opt)
	if diff := cmp.Diff([]string{"apply a"}, w.did); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for _, r := range got[1:] {
		if !errors.Is(r.Err, newer) || !errors.Is(r.Err, model.ErrTransient) {
			t.Errorf("%s: %v", r.Object.Name, r.Err)
		}
	}
}
