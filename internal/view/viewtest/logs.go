package viewtest

import (
	"context"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Logs is view.Backend's: the lines that there are, and with Follow what Say adds
// until ctx ends.
func (b *Backend) Logs(ctx context.Context, app model.AppKey, q view.LogQuery, emit func(view.LogLine) error) error {
	for seen := 0; ; {
		var lines []view.LogLine
		var more chan struct{}
		err := b.with("Logs", app, func(s *sample) error {
			pods, err := podsOf(s, q.Object)
			if err != nil {
				return err
			}
			for _, l := range s.logs[seen:] {
				if wanted(q, pods, l) {
					lines = append(lines, l)
				}
			}
			if seen == 0 {
				lines = tail(lines, q.Tail)
			}
			seen, more = len(s.logs), s.said
			return nil
		})
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := emit(l); err != nil {
				return err
			}
		}
		if !q.Follow || q.Previous {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-more:
		}
	}
}

// podsOf are the pods of an object, by name, with their first containers.
func podsOf(s *sample, key model.ObjectKey) (map[string]string, error) {
	node := s.node(key)
	if node == nil {
		return nil, notInTree(s.Key, key)
	}
	out := map[string]string{}
	for _, p := range podsBelow(s, node) {
		for _, c := range p.Containers {
			if !c.Init && out[p.Name] == "" {
				out[p.Name] = c.Name
			}
		}
	}
	return out, nil
}

func wanted(q view.LogQuery, pods map[string]string, l view.LogLine) bool {
	first, known := pods[l.Pod]
	if !known || q.Pod != "" && q.Pod != l.Pod {
		return false
	}
	if q.Container == "" && l.Container != first || q.Container != "" && q.Container != "*" && q.Container != l.Container {
		return false
	}
	// What a container wrote before its last start is marked so by its text.
	if q.Previous != strings.HasPrefix(l.Text, previousRun) || !q.Since.IsZero() && l.At.Before(q.Since) {
		return false
	}
	text, without := strings.CutPrefix(q.Search, "!")
	return text == "" || strings.Contains(strings.ToLower(l.Text), strings.ToLower(text)) != without
}

const previousRun = "[previous run] "

func tail(lines []view.LogLine, n int) []view.LogLine {
	switch {
	case n < 0:
		return lines
	case n == 0:
		n = 500
	}
	return lines[max(0, len(lines)-n):]
}
