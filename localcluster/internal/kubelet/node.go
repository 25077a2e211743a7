package kubelet

import (
	"context"
	"fmt"
	"runtime"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
)

const (
	nodePrefix = "node-"
	// heartbeat is how often a node's lease is renewed, as real kubelets do it.
	heartbeat    = 10 * time.Second
	leaseSeconds = int32(40)
)

func nodeName(i int) string { return fmt.Sprintf("%s%d", nodePrefix, i+1) }

// dropNodes deletes the nodes that an earlier start with more of them left.
func (k *Kubelet) dropNodes(ctx context.Context) error {
	list, err := k.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing nodes: %w", err)
	}
	for _, node := range list.Items {
		var number int
		if n, _ := fmt.Sscanf(node.Name, nodePrefix+"%d", &number); n == 1 && number > k.Nodes {
			if err := k.Client.CoreV1().Nodes().Delete(ctx, node.Name, metav1.DeleteOptions{}); ignoreGone(err) != nil {
				return fmt.Errorf("deleting node %s: %w", node.Name, err)
			}
		}
	}
	return nil
}

// keepNode registers a node and renews its lease until ctx is done. A node
// that somebody deleted comes back with the next heartbeat.
func (k *Kubelet) keepNode(ctx context.Context, name string) {
	for {
		wait := heartbeat
		if err := k.beat(ctx, name); err != nil {
			klog.V(2).InfoS("Stand-in kubelet retries", "node", name, "err", err)
			wait = 200 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (k *Kubelet) beat(ctx context.Context, name string) error {
	node, err := k.registerNode(ctx, name)
	if err != nil {
		return err
	}
	return k.renewLease(ctx, node)
}

// registerNode returns the node, as it is or newly made, with a status that
// says that it is ready and where this process serves logs.
func (k *Kubelet) registerNode(ctx context.Context, name string) (*corev1.Node, error) {
	nodes := k.Client.CoreV1().Nodes()
	node, err := nodes.Get(ctx, name, metav1.GetOptions{ResourceVersion: "0"})
	if apierrors.IsNotFound(err) {
		node, err = nodes.Create(ctx, newNode(name), metav1.CreateOptions{})
	}
	if err != nil {
		return nil, err
	}
	if node.Status.DaemonEndpoints.KubeletEndpoint.Port == k.port && isReady(node) {
		return node, nil
	}
	node.Status = k.nodeStatus(node, time.Now())
	return nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{})
}

func newNode(name string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: name,
		Labels: map[string]string{
			corev1.LabelHostname:   name,
			corev1.LabelOSStable:   "linux",
			corev1.LabelArchStable: runtime.GOARCH,
		},
		Annotations: map[string]string{Prefix + "stand-in": "pods on this node have a status but no containers"},
	}}
}

func isReady(node *corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// nodeStatus has room for more pods than a machine could hold.
func (k *Kubelet) nodeStatus(node *corev1.Node, now time.Time) corev1.NodeStatus {
	room := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("256"),
		corev1.ResourceMemory:           resource.MustParse("1Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("10Ti"),
		corev1.ResourcePods:             resource.MustParse("10000"),
	}
	return corev1.NodeStatus{
		Capacity:    room,
		Allocatable: room,
		Conditions: []corev1.NodeCondition{
			nodeCondition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", now),
			nodeCondition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", now),
			nodeCondition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", now),
			nodeCondition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", now),
		},
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: nodeAddress},
			{Type: corev1.NodeHostName, Address: node.Name},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: k.port}},
		NodeInfo: corev1.NodeSystemInfo{
			MachineID: node.Name, SystemUUID: node.Name, BootID: node.Name,
			KernelVersion: "none", OSImage: "localcluster stand-in", ContainerRuntimeVersion: "standin://1.0.0",
			KubeletVersion: k.Version, OperatingSystem: "linux", Architecture: runtime.GOARCH,
		},
	}
}

func nodeCondition(kind corev1.NodeConditionType, is corev1.ConditionStatus, reason string, now time.Time) corev1.NodeCondition {
	return corev1.NodeCondition{
		Type: kind, Status: is, Reason: reason, Message: "reported by the stand-in kubelet",
		LastHeartbeatTime: metav1.NewTime(now), LastTransitionTime: metav1.NewTime(now),
	}
}

func (k *Kubelet) renewLease(ctx context.Context, node *corev1.Node) error {
	leases := k.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	now := metav1.NowMicro()
	lease, err := leases.Get(ctx, node.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = leases.Create(ctx, newLease(node, now), metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	lease.Spec = newLease(node, now).Spec
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}

func newLease(node *corev1.Node, now metav1.MicroTime) *coordinationv1.Lease {
	seconds := leaseSeconds
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name:            node.Name,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node.Name, UID: node.UID}},
		},
		Spec: coordinationv1.LeaseSpec{HolderIdentity: &node.Name, LeaseDurationSeconds: &seconds, RenewTime: &now},
	}
}
