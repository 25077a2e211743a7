package flux

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Condition types of ours, present only while they have something to tell.
const (
	// UnsupportedFieldsCondition lists the fields that are set and not honoured.
	UnsupportedFieldsCondition = "UnsupportedFields"
	// WarningsCondition lists everything else that a user should know.
	WarningsCondition = "Warnings"
)

const (
	invalidSpecReason  = "InvalidSpec"
	accessDeniedReason = "AccessDenied"
	notHonouredReason  = "NotHonoured"
	noticeReason       = "Notice"
)

// maxMessage is the length at which Flux cuts the message of a condition.
const maxMessage = 20000

// conditions changes a list of conditions as Flux does: the time of transition
// moves with the status, the reason and the message.
type conditions struct {
	list       []metav1.Condition
	generation int64
	now        metav1.Time
}

func (c *conditions) set(kind string, status metav1.ConditionStatus, reason, message string) {
	next := metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: clip(message, maxMessage),
		ObservedGeneration: c.generation, LastTransitionTime: c.now,
	}
	i := slices.IndexFunc(c.list, func(o metav1.Condition) bool { return o.Type == kind })
	if i < 0 {
		c.list = append(c.list, next)
		slices.SortStableFunc(c.list, byImportance)
		return
	}
	if old := c.list[i]; old.Status == next.Status && old.Reason == next.Reason && old.Message == next.Message {
		next.LastTransitionTime = old.LastTransitionTime
	}
	c.list[i] = next
}

func (c *conditions) remove(kinds ...string) {
	c.list = slices.DeleteFunc(c.list, func(o metav1.Condition) bool { return slices.Contains(kinds, o.Type) })
}

// stall marks an object that is not tried again until it changes.
func (c *conditions) stall(reason, message string) {
	c.remove(meta.ReconcilingCondition)
	c.set(meta.StalledCondition, metav1.ConditionTrue, reason, message)
	c.set(meta.ReadyCondition, metav1.ConditionFalse, reason, message)
}

// fail marks an object that is tried again.
func (c *conditions) fail(reason, message string) {
	c.remove(meta.StalledCondition)
	c.set(meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingWithRetryReason, "Trying again after a failure")
	c.set(meta.ReadyCondition, metav1.ConditionFalse, reason, message)
}

// succeed marks an object that is as declared.
func (c *conditions) succeed(reason, message string) {
	c.remove(meta.StalledCondition, meta.ReconcilingCondition)
	c.set(meta.ReadyCondition, metav1.ConditionTrue, reason, message)
}

// warn tells of warnings, in the condition of their type.
func (c *conditions) warn(warnings []model.Warning) {
	var fields, others []string
	for _, w := range warnings {
		if w.Type == model.WarnField {
			fields = append(fields, w.Message)
		} else {
			others = append(others, w.Message)
		}
	}
	c.tell(UnsupportedFieldsCondition, notHonouredReason, fields)
	c.tell(WarningsCondition, noticeReason, others)
}

func (c *conditions) tell(kind, reason string, messages []string) {
	if len(messages) == 0 {
		c.remove(kind)
		return
	}
	slices.Sort(messages)
	c.set(kind, metav1.ConditionTrue, reason, strings.Join(slices.Compact(messages), "; "))
}

// byImportance puts Ready first, the rest by name.
func byImportance(a, b metav1.Condition) int {
	if (a.Type == meta.ReadyCondition) != (b.Type == meta.ReadyCondition) {
		if a.Type == meta.ReadyCondition {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.Type, b.Type)
}

// condition is the one of that type, the zero value if there is none.
func condition(list []metav1.Condition, kind string) metav1.Condition {
	if c := apimeta.FindStatusCondition(list, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// clip cuts a text to at most n bytes, at the end of a character.
func clip(s string, n int) string {
	const more = "..."
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len(more)], "") + more
}
