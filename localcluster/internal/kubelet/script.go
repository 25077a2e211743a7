package kubelet

import (
	"fmt"
	"strconv"
	"time"
)

// Prefix is that of the annotations that steer a pod.
const Prefix = "localcluster.fixpoint-cd.github.io/"

// Script is what a pod's annotations ask for. The zero value is a container
// that is ready at once; it ends only when its restart policy says that it is
// to end. It holds for all the pod's containers alike.
//
//	ready-after: 5s                  running, but not Ready before
//	run-for: 2s                      ends after that time
//	exit-code: "1"                   how it ends; without run-for at once
//	waiting-reason: ErrImagePull     never starts, for that reason
//	crash-loop: "true"               ends at once, with exit code 1 unless another is given, and is never Ready
type Script struct {
	ReadyAfter    *time.Duration
	RunFor        *time.Duration
	ExitCode      *int32
	WaitingReason string
	CrashLoop     bool
}

// ParseScript reads annotations. Its error names the annotation.
func ParseScript(annotations map[string]string) (Script, error) {
	s := Script{WaitingReason: annotations[Prefix+"waiting-reason"]}
	var err error
	if s.ReadyAfter, err = optional(annotations, "ready-after", parseDuration); err != nil {
		return s, err
	}
	if s.RunFor, err = optional(annotations, "run-for", parseDuration); err != nil {
		return s, err
	}
	if s.ExitCode, err = optional(annotations, "exit-code", parseExitCode); err != nil {
		return s, err
	}
	loop, err := optional(annotations, "crash-loop", strconv.ParseBool)
	if err != nil {
		return s, err
	}
	s.CrashLoop = loop != nil && *loop
	return s, nil
}

// optional parses an annotation's value, nil when the pod does not have it.
func optional[T any](annotations map[string]string, name string, parse func(string) (T, error)) (*T, error) {
	text, ok := annotations[Prefix+name]
	if !ok {
		return nil, nil
	}
	value, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("annotation %s%s: %w", Prefix, name, err)
	}
	return &value, nil
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("%q is negative", text)
	}
	return d, err
}

func parseExitCode(text string) (int32, error) {
	code, err := strconv.ParseInt(text, 10, 32)
	if err != nil || code < 0 || code > 255 {
		return 0, fmt.Errorf("%q is not an exit code: use 0 to 255", text)
	}
	return int32(code), nil
}
