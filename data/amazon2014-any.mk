# Amazon product data, 1996 to 2014 (McAuley et al., SIGIR 2015; He and McAuley, WWW 2016): DATASET=amazon2014-beauty, -sports, ...
# These are the published 5-core files that TIGER and its successors report on; SUBSET= takes all reviews.
# Another category: DATASET=amazon2014-books CATEGORY=Books.
category.automotive  = Automotive
category.baby        = Baby
category.beauty      = Beauty
category.books       = Books
category.clothing    = Clothing_Shoes_and_Jewelry
category.electronics = Electronics
category.games       = Video_Games
category.grocery     = Grocery_and_Gourmet_Food
category.health      = Health_and_Personal_Care
category.home        = Home_and_Kitchen
category.instruments = Musical_Instruments
category.kindle      = Kindle_Store
category.movies      = Movies_and_TV
category.music       = Digital_Music
category.office      = Office_Products
category.patio       = Patio_Lawn_and_Garden
category.pets        = Pet_Supplies
category.phones      = Cell_Phones_and_Accessories
category.sports      = Sports_and_Outdoors
category.tools       = Tools_and_Home_Improvement
category.toys        = Toys_and_Games

include $(dir $(lastword $(MAKEFILE_LIST)))category.mk

AMAZON2014   ?= https://snap.stanford.edu/data/amazon/productGraph/categoryFiles
SUBSET       ?= _5
FORMAT       ?= amazon2014
ITEMS        ?= $(AMAZON2014)/meta_$(CATEGORY).json.gz
INTERACTIONS ?= $(AMAZON2014)/reviews_$(CATEGORY)$(SUBSET).json.gz
