package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	good    = `return {status = "Healthy"}`
	loop    = `while true do end`
	bomb    = `local t = {} while true do t[#t + 1] = string.rep("x", 1000) .. #t end`
	oneBomb = `return {status = string.rep("x", 2000000000)}`
)

var widget = map[string]any{"apiVersion": "example.io/v1", "kind": "Widget", "metadata": map[string]any{"name": "a"}}

// widgets are some that differ.
func numbered(i int) map[string]any {
	return map[string]any{"apiVersion": "example.io/v1", "kind": "Widget", "metadata": map[string]any{"name": strconv.Itoa(i)}}
}

func healthy(t *testing.T, p *Pool) {
	t.Helper()
	if h, err := p.Health(t.Context(), good, false, widget); err != nil || h.Status != model.Healthy {
		t.Fatalf("a good script: %v, %v", h, err)
	}
}

// until waits until something holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestLimits(t *testing.T) {
	quick, roomy := Config{Time: 50 * time.Millisecond, Memory: 1 << 30, Rest: time.Nanosecond}, Config{Time: time.Minute, Memory: 48 << 20, Rest: time.Nanosecond}
	tests := map[string]struct {
		config Config
		run    func(*Pool) error
		want   string
	}{
		"a loop": {quick, health(loop), "health script of example.io/Widget ran for more than 50ms"},
		"a loop that catches errors": {quick, health(`while true do pcall(function() while true do end end) end`),
			"ran for more than 50ms"},
		"a loop in a library": {quick, health(`return {status = string.find(string.rep("a", 100000), string.rep("a*", 30) .. "b")}`),
			"ran for more than 50ms"},
		"memory":             {roomy, health(bomb), "health script of example.io/Widget needed more than 48 MiB of memory"},
		"memory at once":     {roomy, health(oneBomb), "needed more than 48 MiB of memory"},
		"a discovery script": {quick, func(p *Pool) error { _, err := p.Discover(context.Background(), loop, widget); return err }, "discovery script of"},
		"an action script": {quick, func(p *Pool) error { _, err := p.Act(context.Background(), loop, widget, nil); return err },
			"action script of"},
		"jq without end": {quick, paths(".a", "def f: f; f"), `jq path expression "def f: f; f" ran for more than`},
		"jq's memory":    {roomy, paths("[range(1e9)] | .[0]"), `jq path expression "[range(1e9)] | .[0]" needed more than 48 MiB`},
		"jq's recursion": {roomy, paths("def f: 1 + f; .[f]"), "needed more than 48 MiB"},
		"jq's text":      {roomy, paths(`.["x" * 1e9]`), "needed more than 48 MiB"},
		"an answer without end": {Config{Time: time.Minute, Memory: 1 << 30},
			health(`return {status = "Healthy", message = string.rep("x", 20000000)}`), "it returns more than 16 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if underRace && tt.config.Memory == roomy.Memory {
				t.Skip("the race detector needs more memory than the limit")
			}
			p := newPool(t, tt.config)
			err := tt.run(p)
			if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			if s := p.Stats(); s.Busy != 0 || s.Started > 2 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func health(src string) func(*Pool) error {
	return func(p *Pool) error { _, err := p.Health(context.Background(), src, true, widget); return err }
}

func paths(exprs ...string) func(*Pool) error {
	return func(p *Pool) error { _, err := p.Paths(context.Background(), exprs, widget); return err }
}

// TestAnotherAfterADeath: a worker that a script has killed is replaced, one that
// was interrupted goes on.
func TestAnotherAfterADeath(t *testing.T) {
	if underRace {
		t.Skip("the race detector needs more memory than the limit")
	}
	p := newPool(t, Config{Time: time.Minute, Memory: 48 << 20, Workers: 1, Rest: time.Nanosecond})
	healthy(t, p)
	if err := health(bomb)(p); err == nil {
		t.Fatal("there is no limit")
	}
	healthy(t, p)
	if s := p.Stats(); s.Started != 2 || s.Died != 1 || s.Idle != 1 {
		t.Errorf("%+v", s)
	}
}

// TestOthersAreNotDelayed: as many scripts as you like that don't end leave a place
// to those that do.
func TestOthersAreNotDelayed(t *testing.T) {
	p := newPool(t, Config{Workers: 3, Time: time.Hour})
	healthy(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	for i := range 20 {
		for j := range 3 {
			loops.Go(func() {
				_, err := p.Health(ctx, fmt.Sprintf("%s -- %d", loop, i), false, numbered(j))
				if !errors.Is(err, context.Canceled) {
					t.Errorf("a loop ended with %v", err)
				}
			})
		}
	}
	until(t, "two loops run", func() bool { return p.Stats().Busy == 2 })
	for range 50 {
		healthy(t, p)
	}
	if s := p.Stats(); s.Busy != 2 {
		t.Errorf("%d loops run, want 2: the limit of scripts that nobody knows", s.Busy)
	}
	cancel()
	loops.Wait()
	if n := len(children(t)); n > 3 {
		t.Errorf("%d processes, want at most 3", n)
	}
	healthy(t, p)
}

// TestRest: a script that has gone beyond its limit is not run again for a while,
// on the same object, and if it never worked on none.
func TestRest(t *testing.T) {
	p := newPool(t, Config{Time: 50 * time.Millisecond, Rest: time.Hour})
	first := health(loop)(p)
	tasks := p.Stats().Tasks
	if again := health(loop)(p); again == nil || again.Error() != first.Error() {
		t.Errorf("%v, then %v", first, again)
	}
	if _, err := p.Health(t.Context(), loop, true, numbered(1)); err == nil || err.Error() != first.Error() {
		t.Errorf("another object: %v", err)
	}
	if got := p.Stats().Tasks; got != tasks {
		t.Errorf("it ran %d times more", got-tasks)
	}
}

// TestRestOfOneObject: an object that makes a good script go beyond its limit does
// not keep it from others.
func TestRestOfOneObject(t *testing.T) {
	const picky = `while obj.metadata.name == "7" do end return {status = "Healthy"}`
	p := newPool(t, Config{Time: 5 * time.Second, Rest: time.Hour})
	for i := range 20 {
		h, err := p.Health(t.Context(), picky, false, numbered(i))
		if wrong := i == 7; (err != nil) != wrong || !wrong && h.Status != model.Healthy {
			t.Errorf("object %d: %v, %v", i, h, err)
		}
	}
	tasks := p.Stats().Tasks
	if _, err := p.Health(t.Context(), picky, false, numbered(7)); err == nil || p.Stats().Tasks != tasks {
		t.Errorf("the bad one again: %v", err)
	}
}

func TestCancel(t *testing.T) {
	p := newPool(t, Config{Time: time.Hour})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	done := make(chan error)
	go func() { _, err := p.Health(ctx, loop, false, widget); done <- err }()
	until(t, "the loop runs", func() bool { return p.Stats().Busy == 1 })
	cancel(cause)
	if err := <-done; !errors.Is(err, cause) {
		t.Error(err)
	}
	healthy(t, p)
}

// TestClose: with the pool go its processes and goroutines.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	p := New(Config{Time: time.Hour, Workers: 3})
	healthy(t, p)
	var loops sync.WaitGroup
	for i := range 4 {
		loops.Go(func() {
			if _, err := p.Health(t.Context(), fmt.Sprintf("%s -- %d", loop, i), false, widget); !errors.Is(err, model.ErrTransient) {
				t.Errorf("a loop ended with %v", err)
			}
		})
	}
	until(t, "two loops run", func() bool { return p.Stats().Busy == 2 })
	p.Close()
	loops.Wait()
	if _, err := p.Health(t.Context(), good, false, widget); !errors.Is(err, model.ErrTransient) {
		t.Errorf("after the end: %v", err)
	}
	until(t, "no process is left", func() bool { return len(children(t)) == 0 })
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// TestWorkerLost: an idle worker that is killed from outside costs nothing but a
// new one.
func TestWorkerLost(t *testing.T) {
	p := newPool(t, patient)
	healthy(t, p)
	for _, pid := range children(t) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	healthy(t, p)
	until(t, "the loss is noticed", func() bool { return p.Stats().Died == 1 })
	if s := p.Stats(); s.Started != 2 {
		t.Errorf("%+v", s)
	}
}

// TestIdle: without work the processes end, but for those that are kept.
func TestIdle(t *testing.T) {
	p := newPool(t, Config{Time: time.Minute, Workers: 3, Keep: 1, Idle: time.Millisecond})
	healthy(t, p)
	var some sync.WaitGroup
	for range 30 {
		some.Go(func() { healthy(t, p) })
	}
	some.Wait()
	until(t, "one is left", func() bool { return len(children(t)) == 1 && p.Stats().Idle == 1 })
}

// TestReplaced: a worker lives for a number of scripts.
func TestReplaced(t *testing.T) {
	p := newPool(t, Config{Time: time.Minute, Tasks: 2})
	for range 6 {
		healthy(t, p)
	}
	if s := p.Stats(); s.Started != 3 {
		t.Errorf("%+v", s)
	}
}

// TestApart: what a script leaves behind is not there for the next.
func TestApart(t *testing.T) {
	p := newPool(t, Config{Time: time.Minute, Workers: 1})
	for range 2 {
		h, err := p.Health(t.Context(), `
			local was = tostring(left) .. tostring(string.left) .. tostring(obj.left)
			left, string.left, obj.left = 1, 2, 3
			return {status = "Healthy", message = was}`, true, widget)
		if err != nil || h.Message != "nilnilnil" {
			t.Errorf("%v, %v", h, err)
		}
	}
	if s := p.Stats(); s.Started != 1 {
		t.Errorf("%+v", s)
	}
}

// TestObjectIsNotChanged: the caller's object stays as it is.
func TestObjectIsNotChanged(t *testing.T) {
	p := newPool(t, patient)
	obj := numbered(1)
	if _, err := p.Act(t.Context(), `obj.metadata.labels = {a = "b"} return obj`, obj, nil); err != nil {
		t.Fatal(err)
	}
	if len(obj["metadata"].(map[string]any)) != 1 {
		t.Errorf("%v", obj)
	}
}

func TestNoProgram(t *testing.T) {
	p := newPool(t, Config{Program: "/nowhere"})
	if _, err := p.Health(t.Context(), good, false, widget); !errors.Is(err, model.ErrTransient) {
		t.Error(err)
	}
}

// children are the processes that this one has, by the kernel's own account.
func children(t *testing.T) []int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(syscall.Getpid()) && f[0] != "Z" {
			found = append(found, pid)
		}
	}
	slices.Sort(found)
	return found
}
