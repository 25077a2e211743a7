package kubelet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// TestTimeline walks through a pod's moments by their own next and compares
// them as text: when, state, and what is worth telling.
func TestTimeline(t *testing.T) {
	for name, tc := range map[string]struct {
		annotations map[string]string
		policy      corev1.RestartPolicy
		want        string
	}{
		"a server": {nil, corev1.RestartPolicyAlways, `
0s running ready`},
		"a slow server": {map[string]string{"ready-after": "5s"}, corev1.RestartPolicyAlways, `
0s running
5s running ready`},
		"a job's pod": {nil, corev1.RestartPolicyNever, `
0s running ready
100ms terminated 0`},
		"a job's pod that fails late": {map[string]string{"exit-code": "2", "run-for": "3s", "ready-after": "1s"}, corev1.RestartPolicyNever, `
0s running
1s running ready
3s terminated 2`},
		"a job's pod that would crash-loop": {map[string]string{"crash-loop": "true"}, corev1.RestartPolicyNever, `
0s running
100ms terminated 1`},
		"a job's pod that may be restarted": {map[string]string{"exit-code": "2"}, corev1.RestartPolicyOnFailure, `
0s running
100ms waiting CrashLoopBackOff last 0s-100ms 2
1.1s running restart 1 last 0s-100ms 2
1.2s waiting CrashLoopBackOff restart 1 last 1.1s-1.2s 2
3.2s running restart 2 last 1.1s-1.2s 2
3.3s waiting CrashLoopBackOff restart 2 last 3.2s-3.3s 2
7.3s running restart 3 last 3.2s-3.3s 2
7.4s waiting CrashLoopBackOff restart 3 last 7.3s-7.4s 2`},
		"a job's pod that ends well is not restarted": {map[string]string{"run-for": "1s"}, corev1.RestartPolicyOnFailure, `
0s running ready
1s terminated 0`},
		"a crash loop": {map[string]string{"crash-loop": "true", "exit-code": "137"}, corev1.RestartPolicyAlways, `
0s running
100ms waiting CrashLoopBackOff last 0s-100ms 137
1.1s running restart 1 last 0s-100ms 137
1.2s waiting CrashLoopBackOff restart 1 last 1.1s-1.2s 137
3.2s running restart 2 last 1.1s-1.2s 137
3.3s waiting CrashLoopBackOff restart 2 last 3.2s-3.3s 137
7.3s running restart 3 last 3.2s-3.3s 137
7.4s waiting CrashLoopBackOff restart 3 last 7.3s-7.4s 137`},
		"a server that ends by and by": {map[string]string{"run-for": "20s"}, corev1.RestartPolicyAlways, `
0s running ready
20s waiting CrashLoopBackOff last 0s-20s 0
21s running ready restart 1 last 0s-20s 0
41s waiting CrashLoopBackOff restart 1 last 21s-41s 0
43s running ready restart 2 last 21s-41s 0
1m3s waiting CrashLoopBackOff restart 2 last 43s-1m3s 0
1m7s running ready restart 3 last 43s-1m3s 0
1m27s waiting CrashLoopBackOff restart 3 last 1m7s-1m27s 0`},
		"no image": {map[string]string{"waiting-reason": "ErrImagePull", "exit-code": "1"}, corev1.RestartPolicyNever, `
0s waiting ErrImagePull`},
	} {
		t.Run(name, func(t *testing.T) {
			script, err := ParseScript(prefixed(tc.annotations))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, walk(script, tc.policy)); diff != "" {
				t.Errorf("timeline (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTimelineForgetsNothing checks that a moment depends on the time alone,
// however far away it is: the kubelet may have been away.
func TestTimelineForgetsNothing(t *testing.T) {
	script := Script{CrashLoop: true}
	m := script.at(24*time.Hour, corev1.RestartPolicyAlways)
	if m.restarts < 8000 || m.restarts > 8640 || m.last == nil || m.next <= 0 || m.next > maxBackOff {
		t.Errorf("after a day: %+v", m)
	}
}

func TestParseScriptRefuses(t *testing.T) {
	for name, value := range map[string]string{
		"ready-after": "5", "run-for": "-1s", "exit-code": "256", "crash-loop": "often",
	} {
		_, err := ParseScript(prefixed(map[string]string{name: value}))
		if err == nil || !strings.Contains(err.Error(), Prefix+name) {
			t.Errorf("%s: %s gives %v, want an error that names the annotation", name, value, err)
		}
	}
}

func prefixed(annotations map[string]string) map[string]string {
	all := map[string]string{"example.org/other": "x"}
	for name, value := range annotations {
		all[Prefix+name] = value
	}
	return all
}

// walk is the first eight moments, a line each.
func walk(s Script, policy corev1.RestartPolicy) string {
	var text strings.Builder
	var now time.Duration
	for range 8 {
		m := s.at(now, policy)
		fmt.Fprintf(&text, "\n%s %s", now, describe(m))
		if m.next == 0 {
			break
		}
		now += m.next
	}
	return text.String()
}

func describe(m moment) string {
	words := []string{[]string{"waiting", "running", "terminated"}[m.state]}
	if m.reason != "" {
		words = append(words, m.reason)
	}
	if m.state == terminated {
		words = append(words, fmt.Sprint(m.exitCode))
	}
	if m.ready {
		words = append(words, "ready")
	}
	if m.restarts > 0 {
		words = append(words, fmt.Sprintf("restart %d", m.restarts))
	}
	if m.last != nil {
		words = append(words, fmt.Sprintf("last %s-%s %d", m.last.from, m.last.to, m.last.exitCode))
	}
	return strings.Join(words, " ")
}
