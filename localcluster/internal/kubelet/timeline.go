package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	// shortRun is how long a container runs that is to end by itself.
	shortRun = 100 * time.Millisecond
	// backOff is the first pause of a crash loop; each is twice the one before,
	// up to maxBackOff. A real kubelet begins with ten seconds.
	backOff    = time.Second
	maxBackOff = 10 * time.Second
)

// state is what a container does.
type state int

const (
	waiting state = iota
	running
	terminated
)

// moment is the state of a pod's containers at one time. Times are since the
// pod's start.
type moment struct {
	state    state
	reason   string        // of waiting
	message  string        // of waiting
	since    time.Duration // begin of the run, when running or terminated
	ended    time.Duration // when terminated
	ready    bool
	restarts int32
	exitCode int32         // when terminated
	last     *run          // the run before this one
	next     time.Duration // until the next moment; 0 for never
}

// run is a container's run that has ended. Times are since the pod's start.
type run struct {
	from, to time.Duration
	exitCode int32
}

// at is what the script makes of a pod with this restart policy, elapsed after
// the pod's start.
func (s Script) at(elapsed time.Duration, policy corev1.RestartPolicy) moment {
	if s.WaitingReason != "" {
		return moment{state: waiting, reason: s.WaitingReason, message: "the annotation " + Prefix + "waiting-reason says so"}
	}
	length, code := s.run(policy)
	switch {
	case length == nil:
		return s.running(moment{}, elapsed, nil)
	case restarts(policy, code):
		return s.looping(elapsed, *length, code)
	case elapsed < *length:
		return s.running(moment{}, elapsed, length)
	}
	return moment{state: terminated, ended: *length, exitCode: code}
}

// run is how long a container runs, nil for ever, and how it ends.
func (s Script) run(policy corev1.RestartPolicy) (*time.Duration, int32) {
	var code int32
	switch {
	case s.ExitCode != nil:
		code = *s.ExitCode
	case s.CrashLoop:
		code = 1
	}
	switch short := shortRun; {
	case s.RunFor != nil:
		return s.RunFor, code
	case s.CrashLoop, s.ExitCode != nil, policy != corev1.RestartPolicyAlways:
		return &short, code
	}
	return nil, code
}

func restarts(policy corev1.RestartPolicy, code int32) bool {
	return policy == corev1.RestartPolicyAlways || policy == corev1.RestartPolicyOnFailure && code != 0
}

// running completes m, whose run began at m.since and ends after length.
func (s Script) running(m moment, elapsed time.Duration, length *time.Duration) moment {
	m.state = running
	age := elapsed - m.since
	if length != nil {
		m.next = *length - age
	}
	var after time.Duration
	if s.ReadyAfter != nil {
		after = *s.ReadyAfter
	}
	m.ready = age >= after && !(s.dies() && s.ReadyAfter == nil)
	if !m.ready && after > age && (m.next == 0 || after-age < m.next) {
		m.next = after - age
	}
	return m
}

// dies tells that a container ends before it could serve anybody.
func (s Script) dies() bool {
	return s.CrashLoop || s.RunFor == nil && s.ExitCode != nil && *s.ExitCode != 0
}

// looping is the moment of a container that is restarted whenever it ends.
func (s Script) looping(elapsed, length time.Duration, code int32) moment {
	m := moment{}
	for pause := backOff; ; pause = min(2*pause, maxBackOff) {
		end := m.since + length
		if elapsed < end {
			return s.running(m, elapsed, &length)
		}
		m.last = &run{from: m.since, to: end, exitCode: code}
		if elapsed < end+pause {
			m.state = waiting
			m.reason = "CrashLoopBackOff"
			m.message = "back-off " + pause.String() + " restarting failed container"
			m.next = end + pause - elapsed
			return m
		}
		m.since = end + pause
		m.restarts++
	}
}
