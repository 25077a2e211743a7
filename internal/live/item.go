package live

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// owner is an entry of an object's ownerReferences.
type owner struct {
	uid string
	schema.GroupKind
}

// item is what is kept of an object.
type item struct {
	// node is what a tree shows of it, but for what the app says.
	node   view.Node
	owners []owner
	// judged: node.Health is by what it is, not by its metadata alone.
	judged bool
	// claims begin the names of the claims that a StatefulSet makes for its pods.
	claims []string
	// pod is what its logs can be read by; nil of all but pods.
	pod *podState
}

// arrival is an item on its way through a reflector, which files objects by their
// metadata.
type arrival struct {
	metav1.ObjectMeta

	item *item
}

// GetObjectKind implements runtime.Object.
func (*arrival) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object.
func (a *arrival) DeepCopyObject() runtime.Object { c := *a; return &c }

func (i *item) arrival() *arrival {
	a := &arrival{item: i}
	a.Namespace, a.Name, a.ResourceVersion = i.node.Ref.Namespace, i.node.Ref.Name, i.node.ResourceVersion
	return a
}

// whole reports whether objects of a kind are read whole, not their metadata only.
func (c *Cluster) whole(gk schema.GroupKind) bool {
	if gk.Group == "" && (gk.Kind == "Secret" || gk.Kind == "ConfigMap") {
		return false
	}
	return facts[gk] != nil || c.cfg.NeedsContent(gk.Group, gk.Kind)
}

// trim makes an item of an object, or of its metadata, that was listed at p.
func (c *Cluster) trim(p place, content map[string]any) *item {
	// Objects in lists do not say what they are, and metadata says that it is that.
	content["apiVersion"], content["kind"] = p.GroupVersion().String(), p.Kind
	o := object(content)
	meta := o.child("metadata")
	i := &item{judged: c.whole(p.GroupKind())}
	health := c.cfg.Health(content)
	i.node = view.Node{
		Ref: p.ref(meta.text("namespace"), meta.text("name")), UID: meta.text("uid"),
		Health: health.Status, Created: meta.time("creationTimestamp"),
		Deleting: meta.has("deletionTimestamp"), ResourceVersion: meta.text("resourceVersion"),
		Images: images(o), Links: declaredLinks(meta),
	}
	if health.Status.Worse(model.Healthy) {
		i.node.Message = health.Message
	}
	for _, ref := range meta.list("ownerReferences") {
		gv, _ := schema.ParseGroupVersion(ref.text("apiVersion"))
		i.owners = append(i.owners, owner{ref.text("uid"), schema.GroupKind{Group: gv.Group, Kind: ref.text("kind")}})
	}
	if tell := facts[p.GroupKind()]; tell != nil && i.judged {
		tell(o, i)
	}
	return i
}
