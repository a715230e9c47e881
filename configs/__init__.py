"""Recipes: each file is one experiment, with its command and its result.

Most answer one of five student projects, which train CNNs on MNIST in PyTorch
or, number 2, in Keras. They are cited as "project N", by these numbers:

0. "Handwritten Digit Classification Using a Convolutional Neural Network (CNN)"
   reports 94.97 % test accuracy: single_conv.
1. "Handwritten Digit Classification with CNN on MNIST Dataset" reports 98 to
   99 %: two_conv.
2. "Handwritten Digit Classification using Convolutional Neural Networks (CNN)"
   reports 98.15 % at epoch 10: wide_conv.
3. "MNIST Digit Classification with CNN" has two networks and reports about
   95 % and 98 %: basic and improved.
4. "Handwritten Digit Recognition using CNN (MNIST)" reports a training accuracy
   of 99.83 % at epoch 10: simple.
"""
