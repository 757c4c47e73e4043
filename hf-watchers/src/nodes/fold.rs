//! What of all that nodes tell changes anything.

use std::collections::HashMap;

use hf_core::facts::NodeFacts;
use hf_store::ObservedNode;

/// Leaves out what changes nothing of what is known, and remembers the rest.
pub(super) fn fold(known: &mut HashMap<String, NodeFacts>, changes: Vec<ObservedNode>) -> Vec<ObservedNode> {
    let news = |change: &ObservedNode| match change {
        ObservedNode::Present(node) if known.get(&node.name) == Some(node) => false,
        ObservedNode::Present(node) => {
            known.insert(node.name.clone(), (**node).clone());
            true
        }
        ObservedNode::Gone(name) => {
            known.remove(name);
            true
        }
    };
    changes.into_iter().filter(news).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(zone: &str) -> ObservedNode {
        let node = NodeFacts { name: "n".to_owned(), zone: zone.to_owned(), ..NodeFacts::default() };
        ObservedNode::Present(Box::new(node))
    }

    #[test]
    fn what_a_node_says_again_is_not_written_again() {
        let (mut known, gone) = (HashMap::new(), ObservedNode::Gone("n".to_owned()));
        for (told, news) in [
            (vec![node("a")], vec![node("a")]),
            (vec![node("a"), node("a")], vec![]),
            // Back to what it was is news after what came between.
            (vec![node("b"), node("a"), node("a")], vec![node("b"), node("a")]),
            (vec![gone.clone(), node("a")], vec![gone.clone(), node("a")]),
        ] {
            assert_eq!(fold(&mut known, told.clone()), news, "{told:?}");
        }
    }
}
