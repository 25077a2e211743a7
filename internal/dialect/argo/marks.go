package argo

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Keys of argocd-cm about marks.
const (
	keyTracking     = "application.resourceTrackingMethod"
	keyLabel        = "application.instanceLabelKey"
	keyInstallation = "installationID"
)

// The ways of marking objects.
const (
	trackAnnotation = "" // the default
	trackLabel      = "label"
	trackBoth       = "annotation+label"
)

// defaultLabel is what marks objects where no other label is configured.
const defaultLabel = "app.kubernetes.io/instance"

// marks say how objects are marked as an app's.
type marks struct{ method, label, installation string }

func (m marks) labelKey() string { return cmp.Or(m.label, defaultLabel) }

// pointers are JSON pointers to all that can be a mark.
func (m marks) pointers() []string {
	return []string{
		"/metadata/annotations/" + escaped(AnnotationTracking),
		"/metadata/annotations/" + escaped(AnnotationInstallation),
		"/metadata/labels/" + escaped(m.labelKey()),
	}
}

func readMarks(data map[string]string, add func(key string, err error)) marks {
	m := marks{label: strings.TrimSpace(data[keyLabel]), installation: strings.TrimSpace(data[keyInstallation])}
	switch method := strings.TrimSpace(data[keyTracking]); method {
	case "", "annotation":
	case trackLabel, trackBoth:
		m.method = method
	default:
		add(keyTracking, fmt.Errorf("%q is none of annotation, annotation+label and label: annotation is taken", method))
	}
	if m.label == defaultLabel {
		m.label = ""
	}
	if wrong := validation.IsQualifiedName(m.labelKey()); len(wrong) > 0 {
		add(keyLabel, fmt.Errorf("%q is no name of a label: %s", m.label, strings.Join(wrong, "; ")))
		m.label = ""
	}
	return m
}

// short is a name as the value of a label, which has at most 63 characters and
// ends with a letter or a digit.
func short(name string) string {
	if len(name) > validation.LabelValueMaxLength {
		name = name[:validation.LabelValueMaxLength]
	}
	return strings.TrimRight(name, "-_.")
}
