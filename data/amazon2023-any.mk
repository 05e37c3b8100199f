# Amazon Reviews 2023 (Hou et al., arXiv 2403.03952): DATASET=amazon2023-beauty, -toys, ...: all reviews; ingest's k-core reduces
# them. Another category: DATASET=amazon2023-movies CATEGORY=Movies_and_TV.
category.appliances  = Appliances
category.arts        = Arts_Crafts_and_Sewing
category.automotive  = Automotive
category.baby        = Baby_Products
category.beauty      = All_Beauty
category.books       = Books
category.care        = Beauty_and_Personal_Care
category.clothing    = Clothing_Shoes_and_Jewelry
category.electronics = Electronics
category.fashion     = Amazon_Fashion
category.games       = Video_Games
category.grocery     = Grocery_and_Gourmet_Food
category.handmade    = Handmade_Products
category.health      = Health_and_Household
category.home        = Home_and_Kitchen
category.industrial  = Industrial_and_Scientific
category.instruments = Musical_Instruments
category.kindle      = Kindle_Store
category.magazines   = Magazine_Subscriptions
category.movies      = Movies_and_TV
category.music       = Digital_Music
category.office      = Office_Products
category.patio       = Patio_Lawn_and_Garden
category.pets        = Pet_Supplies
category.phones      = Cell_Phones_and_Accessories
category.software    = Software
category.sports      = Sports_and_Outdoors
category.tools       = Tools_and_Home_Improvement
category.toys        = Toys_and_Games

include $(dir $(lastword $(MAKEFILE_LIST)))category.mk

AMAZON2023   ?= https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/raw
FORMAT       ?= amazon2023
ITEMS        ?= $(AMAZON2023)/meta_categories/meta_$(CATEGORY).jsonl.gz
INTERACTIONS ?= $(AMAZON2023)/review_categories/$(CATEGORY).jsonl.gz
