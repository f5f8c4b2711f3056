"""What is known of people in general: names of keypoints, proportions, inertias."""
