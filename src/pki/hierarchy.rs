//! What is known of the Let's Encrypt hierarchy.
