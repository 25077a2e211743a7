package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mask numbers the values of Secrets, so that equal ones look equal and
// different ones different, and nothing else can be told.
type Mask map[string]int

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Cover makes an object fit to be shown: it is Hide, and of an object that declares apps
// takes away what may be credentials in addresses, so that two that differ in those alone
// look equal.
func (m Mask) Cover(obj map[string]any) {
	m.Hide(obj)
	version, _ := obj["apiVersion"].(string)
	if !strings.HasPrefix(version, "argoproj.io/") {
		return
	}
	HideUsers(obj)
	meta, _ := obj["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	delete(annotations, lastApplied)
}

// Hide replaces the values of a Secret; other objects stay as they are.
func (m Mask) Hide(obj map[string]any) {
	if obj["kind"] != "Secret" || obj["apiVersion"] != "v1" {
		return
	}
	for _, field := range []string{"data", "stringData"} {
		if _, isMap := obj[field].(map[string]any); !isMap && obj[field] != nil {
			obj[field] = m.of(obj[field])
			continue
		}
		m.values(obj[field])
	}
	meta, _ := obj["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if _, ok := annotations[lastApplied]; ok {
		annotations[lastApplied] = m.of(annotations[lastApplied])
	}
}

func (m Mask) values(of any) {
	data, _ := of.(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(data)) {
		data[k] = m.of(data[k])
	}
}

func (m Mask) of(value any) string {
	text := fmt.Sprint(value)
	if m[text] == 0 {
		m[text] = len(m) + 1
	}
	return fmt.Sprintf("(hidden value %d)", m[text])
}
